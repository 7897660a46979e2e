"""Recovery of a damaged, full or missing file: everything readable is saved."""
