# needs: lib
# What this head remembers of changes.
EmitText 'history' (LinesOf (ReadText ($Node + '\history.jsonl')))
