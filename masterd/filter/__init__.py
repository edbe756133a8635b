"""The filter language: what it says, which fields it is about, and whether a row passes. Pure.

`language` parses and checks filters, `pattern` are the regular expressions in them, `fields`
declares tables of fields, `predicate` makes one function over rows of a filter. `text` shows values
in messages, `natural` sorts names in the order people expect. Queries, opcodes and the rules that
hold jobs stand on it.
"""
