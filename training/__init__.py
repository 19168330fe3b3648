"""A model learns the labels: conversion, splits, training, evaluation, packaging."""
