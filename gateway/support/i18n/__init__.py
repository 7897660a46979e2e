"""All texts of pages and reports, in Vietnamese and English."""
