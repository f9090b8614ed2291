/** Makes models out of models: conversion, quantization, and adapters merged into their base. */
@NullMarked
package io.github.mlx4j.training;

import org.jspecify.annotations.NullMarked;
