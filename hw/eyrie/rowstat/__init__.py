"""The row-stationary convolution engine, after Eyeriss (Chen et al., JSSC 52(1), 2017)."""
