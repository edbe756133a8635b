"""What is asked of the nodes' configuration servers, `ganeti-confd`."""
