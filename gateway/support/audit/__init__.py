"""The audit log: changes and their authors, chained so that nothing can be taken out unseen."""
