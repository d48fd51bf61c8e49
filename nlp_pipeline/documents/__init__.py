"""Documents to read: reports as a page and as Markdown, from one model; how a page looks."""
