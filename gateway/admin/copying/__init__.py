"""Moving what stands in one database to another: points are read by windows of time, written, and counted on both sides."""
