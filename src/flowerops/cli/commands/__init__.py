"""One thin file a verb: parse, call a service, render the result."""
