"""Imports only while the file that BREAKABLE names exists."""

import os

from basic import application

assert os.path.exists(os.environ["BREAKABLE"]), "the deployment is broken"
