module m(input a, input b, output y);
wire n;
NAND2 g1(.A(a), .B(b), .Y(n));
INV g2(.A(n), .Y(y));
endmodule
