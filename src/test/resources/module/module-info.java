module app {
    requires io.github.mlx4j;

    opens app to
            io.github.mlx4j; // reads answers as records of this package
}
