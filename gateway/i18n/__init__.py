"""Every word that people read on pages and in reports, in Vietnamese and English."""
