"""Taking over what another master daemon left: its queue directory, its `config.data`."""
