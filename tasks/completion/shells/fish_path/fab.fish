# In place of the fab.fish that comes with fish: that one is for Fabric 1, runs `fab --list` and offers its flags.
