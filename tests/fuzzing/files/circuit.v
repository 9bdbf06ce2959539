module m(input [3:0] a, input b, output [3:0] y);
wire [3:0] t = a ^ {4{b}};
assign y = (t & 4'b0110) | ~a[1] + b;
endmodule
