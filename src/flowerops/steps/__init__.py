"""The steps of the lifecycle: folders and parameters in, one folder out, the same here and in a cloud job."""
