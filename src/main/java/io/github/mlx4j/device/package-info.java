/** What this machine is made of, what memory it can give, and which backend runs on it. */
@NullMarked
package io.github.mlx4j.device;

import org.jspecify.annotations.NullMarked;
