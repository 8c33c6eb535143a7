# SPDX-License-Identifier: GPL-2.0
"""A reader of /sys/kernel/debug/pks.

parse     text of one file -> data
tree      a directory of them -> a sample
tables    samples -> tables of text
document  a sample -> JSON (pks-top.schema.json)
batch     both, printed
screen    the tables, live, on a terminal
main      options
"""
