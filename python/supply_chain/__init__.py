"""What mlx4j is made from: bills of materials, and known vulnerabilities of the locked versions."""
