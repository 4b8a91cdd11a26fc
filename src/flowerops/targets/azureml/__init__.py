"""An Azure ML v2 workspace as a target; the only room that imports azure.*"""
