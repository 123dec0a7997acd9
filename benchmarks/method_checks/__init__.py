"""The ten checks that an implementation of the three papers' methods is faithful, as a command."""
