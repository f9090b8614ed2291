/** Terminal output shared by all commands: progress, exit codes, version. */
@NullMarked
package io.github.mlx4j.cli.output;

import org.jspecify.annotations.NullMarked;
