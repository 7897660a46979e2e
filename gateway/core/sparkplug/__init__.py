"""The host application of Sparkplug B."""
