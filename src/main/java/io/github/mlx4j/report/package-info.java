/** Charts, HTML pages and statistics for reports. */
@NullMarked
package io.github.mlx4j.report;

import org.jspecify.annotations.NullMarked;
