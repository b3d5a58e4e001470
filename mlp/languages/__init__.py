"""The texts of pages, tables and summaries: one file for each language, en.toml and zh.toml, with the same keys."""
