"""An expression as a graph: parsed, run, listed, drawn and stepped through."""
