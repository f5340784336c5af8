"""Two network namespaces of one machine, and a link between them that fails on demand."""
