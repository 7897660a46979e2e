"""The file when it is damaged, full or gone: nothing that can be read is given up."""
