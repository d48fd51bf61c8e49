"""Floor 2: what is done to text before a network sees it, inside a graph, so that a SavedModel can do it alone.

What is here has a twin in plain Python (floors 0 to 2), which it equals for any Unicode text. Where the twin asks
Unicode, or another library, about a code point, a table is made by asking it once for every code point there is; so
that it makes no difference which Unicode, or which library, there is where the graph runs.
"""
