"""Where a page's story comes from: a running graph, or a bag."""
