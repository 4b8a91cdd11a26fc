"""The use cases, one a verb: a target in, a typed result out; nothing here prints."""
