/** What a host application programs against: interfaces, and the records that they speak in. */
@NullMarked
package io.github.mlx4j.port;

import org.jspecify.annotations.NullMarked;
