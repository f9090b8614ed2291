/** One worker process: start it, talk to it, restart it, stop it. Not API. */
@NullMarked
package io.github.mlx4j.internal.worker;

import org.jspecify.annotations.NullMarked;
