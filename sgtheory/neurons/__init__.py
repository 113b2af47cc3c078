"""Neurons: how they flow, when they fire, what a spike does; one file each."""

from sgtheory.neurons._perceptron import Perceptron as Perceptron, PerceptronParameters as PerceptronParameters
