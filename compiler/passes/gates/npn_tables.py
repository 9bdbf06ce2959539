"""Made by compiler.passes.gates.npn_generate, which says what this is; do not edit."""

GATES = """
0000 0
0002 3 >ab|cd>ef |bc>ad<ef >ab<ce<df |bc>ae<df
0006 3 ^ab|cd>ef ^ab<ce<df
000a 2 >ac<de |cd>ae
000e 3 |ab|cd>ef |ab<ce<df
0016 5 &ab^ab|de^cf<gh &ab|ab|de^cf<gh ^ab&ac^ce|df>gh &ab^ab>ce^fg<dh
0018 4 ^ab^ac<df<eg ^ab^ac|de>fg ^ac^bc&ef<dg
001a 4 <ab^ac<df<eg <ab^ac|de>fg ^ac&bc<de<fg ^ac&bc>ef<dg
001e 3 |ab^ce<df
002e 4 >ab>bc^ef<dg >ab>bc|ef<dg |ab&bc<de<fg |ab&bc>ef<dg
003c 2 ^bc<de
003e 4 >ab^bc|ef<dg >ab|ce^bf<dg
007e 4 ^ab^ac|ef<dg
008e 5 &ab|ab>ce<df<gh <ac^ac|de|bf<gh >ac<ac|be|df>gh |ab^ab<de&cf>gh
0096 3 ^ab^ce<df
009e 5 &ab^ab^cf|eg<dh &ab^ac<ef^bg<dh &ab|ab>ce^fg<dh &ab|ab^cf|eg<dh
00aa 1 >ad
00ae 3 >bc|ae<df
00be 3 ^bc|ae<df
00ee 2 |ab<de
00fe 3 |ab|ce<df
0116 7 &ab^ab&cd^cd>fg<eh^ij &ab^ab&cd^cd^eg^fh<ij &ab^ab&cd^cd|eg^fh<ij &ab^ab&cd|cd|eg^fh<ij
0118 6 ^ab&ac^ac|ef^dg<hi ^ab&ac|ac|ef^dg<hi ^ab^ac&ad^df|eg>hi ^ab|ac&bc^df|eg>hi
011a 6 <ab&ac^ac^ef^dg<hi <ab&ac^ac|ef^dg<hi <ab&ac|ac|ef^dg<hi <ab&cd^cd>af<eg^hi
011e 5 |ab&cd^cd>ef^gh |ab&cd^cd^eg<fh |ab&cd|cd^eg<fh |ab&cd|cd|ef^gh
012a 6 &bc^bc^ad&df<eg<hi &bc^bc^ad<af<eg<hi &bc|bc^ad&df<eg<hi &bc|bc^ad<af<eg<hi
012c 5 >ab^bc^ce^df<gh >ab^bd^cf^ef&gh >ab|ab^ce^df<gh |ab^bc^de^df&gh
012e 5 >ab^bd&cf^ef<gh >ab^bd>ce^ef<gh >ab|ab>ce^df<gh |ab^bd^de&cf>gh
013c 5 |ab^bc&de^df<gh |ab^bc^df>ef>gh |ab|bd&de^cf<gh |ab^bc&de|fg^dh
013e 5 &bc|bc|de|af^gh &bc^bc|af^dg<eh &bc|bc|af^dg<eh ^bc|ae>be^df<gh
0168 5 ^ab|ac^ce^df<gh |ab^ab^de^cf>gh ^ab|ae^ce^df<gh
016a 6 &bc|bc^ad&df^eg<hi &ad^bd^cd&fg^ah<ei &ad^bd^cd&fg|eh^ai ^bc&ad^bd<eg^ah<fi
016e 5 |ab^ab^de>cf>gh ^ab|ae>ce^df<gh
017e 6 ^ab^ac&ad|ef^dh<gi ^ab^ac&ad|ef|gh^di &ab|ab&ce|cf^dh<gi &ab|ab&ce|cf|dg^hi
0180 5 ^ab^ac^ad<eg<fh ^ab^ac^ad|ef>gh ^ab^ad^cd&fg<eh ^ad^bd^cd&ef&gh
0182 5 <ab^bc^ad<eg<fh <ab^bc^ad|ef>gh ^bc^ad&bd<ef<gh ^bc^ad&bd>fg<eh
0186 5 &ab|ab^ce^df<gh
0188 5 <ac^ad^bd&fg<eh ^ab<ac^ad<eg<fh ^ab<ac^ad|ef>gh ^ab^ad&cd>fg<eh
018a 5 &ab|bc^ad<ef>gh &ab|bc^ad^ef>gh <ab<bc^ad<eg<fh <ab<bc^ad^ef>gh
018e 5 &ab|ab>ce^df<gh
0196 6 ^ab|ac^cd&df^eg<hi ^ab|ac|cd&df^eg<hi ^ab|ac|cd&df|eh^gi ^ab^cd<af^ef>dg>hi
0198 4 ^ab|ac^df<eg
019a 5 &ad^cd<bf^ag<eh &ad^cd<bf|eg^ah ^cd<be^af>df>gh ^cd<be>df>ag^fh
019e 6 ^ab^ac&ce|bf^dh<gi ^ab|ac&ce|bf^dh<gi ^ab|ac&ce|bf|dg^hi ^ab&ce|ce|df|ag^hi
01a8 4 |bc^ad^ae>fg |bc^ad^de&fg |bc^ae^de<fg
01aa 4 |bc^ad&de>fg |bc^ad<ae>fg |bc&de|af^dg |bc<ae>df^ag
01ac 6 &ab^ac|bc<ef^dg<hi &ab|ab^ac^df<eg>hi <ac&ad^bd|ef|cg<hi <ac|bc&ad^df|eg>hi
01ae 4 |ab<ac^de<fg
01bc 6 ^ab^ac|bc&ef^dg<hi ^ab|bc^bc^df>eg>hi |bc^bc^ad^de|fg&hi ^ab^bc|af>ef^dg<hi
01be 5 ^bc&bd|ae^dg<fh ^bc&bd|ae|fg^dh ^bc|ae>bf^df<gh &bd>ce^bf|ag^dh
01e8 6 &ab|ab^cd^df|eg&hi &ab|ab^cf^df<eg>hi &ab|ab|ce^df^dg&hi &ab|ab|ce^df^fg>hi
01ea 5 |ab^bc^de<af>gh |ab^cd^de|af&gh |ab|ac^de^ef>gh |ab^ce^de<af>gh
01ee 4 |ab&cd^de<fg |ab&cd|ef^dg |ab>ce^de<fg &cd|ae|bf^dg
01fe 3 |ab|ce^df
022e 6 >ab&cd|cd>ef>bg^hi >ab&cd|cd>ef>bg|hi >ab>bc&cd<df>eg^hi >ab>bc&cd<df>eg|hi
023e 5 >ab^bc&df|ef<gh >ab^bc&df|ef^gh >ab^bc<ce<df^gh >ab^bc<ce<df|gh
0246 5 &ab>ac>bd^fg<eh &ab>ac>bd|fg<eh ^ab&ac&bd>ef<gh ^ab&ac&bd^fg>eh
024e 5 <ab>ac&bd^ef<gh <ab>ac&bd|ef<gh >ab&ac>bd^eg<fh >ab&ac>bd|eg<fh
0256 4 |bc<ad>ef^ag |bc<ad^ae<fg |bc^ae&de>fg |bc&de|af^eg
025a 4 >ab^ac>de>fg ^ac|bc&df>eg
025e 6 &ac|bc^ad|de|fg^hi <ab^ac|bc|ef&dg>hi >ab<ab^ac>de|fg<hi >ab^ac>bc>de|fg<hi
026e 6 &ac^ad^bd<bf<eg^hi ^ab>ac&bd<de>fg|hi ^ab>ac^bd<de&fg^hi ^ab>ac^bd<de&fg|hi
027e 6 ^ab^ac|bc|ef&dg>hi ^ab|bc^bc&df|eg<hi ^ab^bc>af|ef>dg>hi ^ab^bc|bf|ef&dg>hi
0296 5 >ab^ab>de^cf<gh ^ab>ac^ce>df>gh ^ab|bc^ce&df>gh |bc^bc&de^af<gh
029e 6 <ac|bc^be>af<dg^hi <ac|bc^be>af<dg|hi >ab<ac<ce^bf<dh^gi >ab<ac<ce^bf<dh|gi
02ae 5 >bc|bc|ae&df>gh >bc|ae^ce&dg>fh >bc|ae|ce&dg>fh ^ad>be>ce^af<gh
02be 5 |bc^bc&de|af<gh ^bc|ae|be&dg>fh
02ce 4 >ab>bd<ce^fg >ab>bd<ce|fg >ac&bd|be<fg >ac&bd|be^fg
02d6 6 &bc|bc>ae&df^fg<hi &bc|bc>ae&df|gh^fi &bc|bc^af&df|eg<hi >ab<ab>de|cf<gh^ei
02de 5 >ab^ac>de|bf<gh >ab|bc&df^ef<gh ^ac|bc|be&df>gh >ab|bc&df|eg^fh
02ea 5 &bc|bc|ae&df>gh
02ee 4 |ab|bc&df>eg
02fe 4 |bc^ad>ef^ag |bc^ad|ef^dg |bc>ae<de^fg |bc>ae<de|fg
033c 4 &bc^bc>de^fg &bc^bc^df<eg &bc^bd|ef^cg &bc|bc^df<eg
033e 6 &bc|bc>ad|de|fg^hi |ab|cd^cd>ef<bg^hi |ab|cd^cd>ef<bg|hi |bc^bc|ad<df<eg^hi
0356 3 |bc|ad^ef
0358 5 |bc|ad|cd&ef^gh ^ac|bc^df<ef>gh ^ac|bc|de^df&gh |ad^bd^ce>ef>gh
035a 4 |ad&bd^ce<fg |ad&bd|cf^eg
035e 5 >bc>ad^cd|ef^gh ^ac^bd<de<cf|gh >ad|ad>be|cg^fh >bc>ad^cf|eg^dh
0368 6 &bc|bc|ad^df^eg&hi &bc|bc|ad|de&fg^hi ^bc>ad^bd^ef|eg<hi |bc^bc>ad^de^fg>hi
036a 5 >ad^bd^cd&fg^eh ^bc>ad^bd<eg^fh ^ab^bd<de<cf^gh ^ab|bc^ce|dg^fh
036c 5 &ac^bd&cd^ef<gh &ac&cd|de|bf^gh ^ab|bc>ce^df<gh &ac&cd^be^dg<fh
036e 5 ^ab^bd<de<cf|gh ^bd^ae<ce<df|gh
037c 5 &ab|bc&ce^df<gh &ab|bc&ce|dg^fh >ad^bd>be>cg^fh ^bc>ad>bf|eg^dh
037e 5 ^bc>ad^bf|eg^dh |bc^bc>af|dg^eh >ad^be^ce|fg^dh ^bc>ae|be|df^gh
0396 5 ^bc|ad&bd^ef<gh ^bc|ad&bd|eg^fh ^ab&bd|de|cf^gh |ad&bd^be>cf^gh
039a 4 >ad^cd<bf^eg ^ab|bc|de^fg
039e 6 >bc|ad>bd<ef^cg^hi >bc|ad>bd<ef^ch^gi ^ab>bc^cd<de|fh^gi ^ab>bc|bc>ef|dh^gi
03ae 4 >ad^bd<cf|eg
03be 6 &bc^bc>ad>de|fg^hi |bc^bc|ad&de|fg<hi |bc^bc|ad&de|fg^hi &bc>ad^bd^cg<eh|fi
03c0 3 ^bc^bd<ef ^bd^cd&ef
03c2 5 >ab^bc^bd|eg<fh >ab^bc|de^bg<fh >ab|de^bf^cf&gh
03c6 5 >ac&cd|de|bf^gh |ad&cd<ce>bf^gh >ac&cd|de^bg<fh >ac<bc>df|eg^bh
03ca 5 |ac^cd<de<bf^gh |ad^cd<ce&bf^gh |ac|bc^be|dg^fh |ad>bd^be<cg^fh
03cc 3 <bc^bd<ef ^bd&cd>ef &cd|be^df <bc>de^bf
03ce 5 <bc>ad^bd|fg<eh |bc|ad>bd<ef^gh |bc|ad>bd<ef|gh <bc>ad|bf^dg<eh
03d4 5 |bc^bc^de&af>gh |bc^bc&af|dg^eh ^bc&ae|be^dg<fh ^bc&ae|be|df^gh
03d6 5 &bc|bc>ae|dg^fh
03d8 6 ^ab^ac|bc>ef^dg<hi ^ab|bc^bc^df&eg>hi ^ab^ac|bc>ef|dh^gi ^ab|bc^bc&eg|dh^fi
03da 5 |ad^cd&bf>eg^ch
03dc 4 >ad>ce|bf^dg
03de 4 >ab|bc|de^fg >ad^ce|bf^dg
03ea 5 >ad^bd^cd&fg|eh ^bc>ad^bd<eg|fh
03ee 5 <bc>ad^bd<eg|fh >ab^bd&cd|ef<gh >ad^bd&cd>fg|eh <bc>ad>de|bf^gh
03fc 2 |bc^de
0660 3 ^ab^cd&ef
0662 5 ^ab>ac^cd|fg&eh ^ab|bc^cd>fg>eh ^ab>ac|df^cg&eh ^ab|bc<df^cg>eh
0666 3 ^ab&cd>ef
0668 6 ^ab>ac^cd^eg|fg<hi ^ab>ac^cd|ef^eg>hi ^ab>ac^cd|ef<gh^ei >ac^cd&af|ef&bh^gi
066a 5 &cd^cd>ae&bf^gh &cd^cd&bf^ag<eh &cd|cd&bf^ag<eh ^cd&be>ce>ag^fh
066e 6 ^ab&cd|cd>ef>ag|hi ^ab>ac&cd<df>eg|hi ^ab&cd^cd>ag|eh<fi ^ab&cd|cd>ag|eh<fi
0672 6 &ab|ac|bc&dg^fh<ei &ab|ac|bc&dg|eh^fi &ab<bd|de^af|ch^gi >bd&cd^ce|bf|ag^hi
0676 5 ^ab<ac&cd|ef<gh <ac&cd|be^ag<fh
0678 6 &ab^ab^cd>df^eg<hi &ab^ab^ce>df^dg<hi &ab^ab^ce>df|gh^di &ab^ab|de>df^cg<hi
067a 6 ^ab^ac^cd<df&eg|hi ^ab^cd^af&ef<dg|hi ^ad^cd>ce&bf|gh^ai ^cd^ae&be&cf|gh^ai
067e 6 ^ab^ac&cd<df>eg|hi ^ab>ad&cd^cf|eh<gi ^ab>ad&cd^cf|eh^gi ^ab^ac&cd<df|eh<gi
0690 4 ^ab^cd^ce&fg ^ab^cd^de>fg ^ab^ce^de>fg
0692 6 >ab^ab^cd^cf|eg&hi ^ab|bc^cd^ce>fg>hi >ab^ab^cf^df<eh>gi >ab^ab|de^cf^cg&hi
0696 4 ^ab&cd^ce<fg ^ab&cd|ef^cg ^ab^ce>de>fg ^ab>de>cf^eg
069a 6 <ac^ad^cd<ef<bg^hi <bc&bd&cd^ef|ag^hi <bc&bd&cd|ef|ag^hi ^ab>bd&cd|cf|eg^hi
069e 6 ^ab|ac^cd>fg|eh^ci ^ab|ac|bc|de&fh^gi &ab^ab^cf>df|eg<hi &ab^ab|ce>df>gh^fi
06b0 6 &ac<ad^cd>be^fh>gi &ac<ad^cd^bf<eh>gi &ac^ac^cd^bf|eh&gi &ac^ad^cd^bf<eh>gi
06b2 6 ^ab>bd>cd^cf>eh^gi ^ab|ad>cd^cf&eh^gi <ab^ab^ce<cf<dg^hi <ab^ab|de^df|ch^gi
06b4 6 ^ab>ad&cd>ef^ch<gi ^ab>ad&cd>ef|gh^ci ^ab>ad&cd|eg<fh^ci ^ab|bd&cd&ef^ch<gi
06b6 6 <ab^ab>cd<cf<eg^hi <ab^ab>cd<cf<eg|hi >ab<ab&cd|ce|fg^hi &ac^ac&cd^bf|eh<gi
06b8 6 &ab^bc|ce|af^dg&hi &ab^bd|ce<af^dg<hi <ab<ad|de^bf|ch^gi ^ab^bc<ce|af<dh^gi
06ba 6 <bc&bd&cd^af|eh<gi >ad<ad^cd^bf>gh|ei >ad^ad^cd^bf>gh|ei ^ab>ad^cd^ce&gh|fi
06bc 6 <ab|ac|bc|de&fh^gi <bc^bd^cd<ag|eh^fi >bc<bc^cd|af&gh^ei >bc|bd^cd<af>gh^ei
06be 6 <ab|ac|bc&dg|eh^fi ^ab>ad&cd^ce<gh|fi ^ab>ad&cd|eg^ch|fi ^bc>ad&cd>ef^ah<gi
06ea 5 ^ab>ad^cd&eg|fh
06ee 5 ^ab>ad&cd>eg|fh ^ab>ad&cd|ef<gh |ab^ab<de<cf|gh &ab|ab|ce&dg>fh
06f0 4 ^ab^cd>de>fg ^ab^cd|ce&fg ^ab>de|cf^dg ^ab|ce&df^cg
06f2 6 >ac|bc^cd^ef>fg>hi >ac|bc^cd^ef|eg&hi ^ab|bc^cd|ce>fg>hi >ac>bc|bc<dg|eh^fi
06f6 4 ^ab&cd|ce<fg ^ab&cd|ce^fg ^ab>cd<ce^fg ^ab>cd<ce|fg
06f8 5 ^ab|ad<ef|cg^dh |ad<be^af|cg^dh
0776 6 &ab^ab^cd<cf<eg|hi ^ab&cd^cd>ef<ag|hi &ab^ab^cd<cf|gh<ei &ab|ab^cd<cf|gh<ei
0778 5 &ab&cd^cd>ef^gh &ab&cd^cd^eg<fh &ab&cd|cd^eg<fh &ab&cd|cd|ef^gh
077a 6 &ab>ac^cd&eg|fg<hi &ab>ac^cd&eg|fg^hi &ab>ac^cd<df<eg^hi &ab>ac^cd<df<eg|hi
077e 6 ^ab&cd^cd^ag|eh<fi ^ab&cd|cd^ag|eh<fi &cd^cd^af^bf|gh<ei &cd|cd^af^bf|gh<ei
0796 5 ^ab>ac>df|eg^ch
079e 5 &ab^ab|ce|df^gh ^ab>ac^df|eg^ch ^ab>ae|de|cf^gh
07ae 6 <ac^ad^bd<ef<cg|hi >ad^ad^bd>ce|fg<hi ^ab^ad&cd<ce>fg|hi ^ac>bc^ad&de|fg^hi
07b0 4 ^ac^cd&be>fg ^ad^cd>be>fg
07b2 6 >ac^ac^cd&bf|eg<hi >ac^ac|de&bf^cg<hi ^ac^cd&ae&be|fg<hi ^ac^cd&be<ce|fh<gi
07b4 5 <ab>bc>df|eg^ch
07b6 6 <ab^bd|de>af|ch^gi ^bd>ae<ae|cf|dg^hi <ab|de^bf>ag|ch^fi
07ba 6 <ac^ad^cd<ef<bg|hi >ac^ad^cd>bf|eg<hi ^ad&cd^cd>ef<bg|hi >ad<ad^cd>bf>gh|ei
07bc 5 &ab>bd^cd<eg^fh <ab>bc^cd<eg^fh &ab<ab|ce|df^gh &ab>bd^cf|eg^dh
07e0 5 ^ab^ac^cd<ef>gh ^ab^ad^cd|ef&gh ^ac^bc^cd&ef>gh ^ac^bd^cd>ef>gh
07e2 6 >bc^bd&cd|af<gh^ei ^ac|ad&cd&be^fh<gi ^ac|ad&cd&be|gh^fi >ac^ac>de<bf|gh^ci
07e6 6 &ab|ab^de<df<cg^hi &ab|ab|ce^cf|dh^gi
07e8 6 &ab<ac|ce<bf^dg<hi &ab<ac|ce<bf|dh^gi &ab|ab|ce>cf^dg<hi &ab|ab|ce>cf|dh^gi
07ea 6 <ac^ac^ad<bf|gh^ei >ac^ac^cd<bf>gh^ei >ac^ad^cd|bf&gh^ei &ab^ac|ce<bf|dh^gi
07f0 4 &ab^cd&de>fg &ab^cd<ce>fg >ac^cd&be>fg &ab&de|cf^dg
07f2 4 ^bd>ae|cf^dg
07f8 3 &ab|ce^df
088e 7 &ab>ac>bd^cd|fg<eh>ij &ab>ac>bd|cd|fg<eh>ij &ab>ac^bd|cd|fg<eh>ij &ab^ab&cd|cd>eg>fh^ij
089e 6 &ab^ac>bd^de>fh^gi >ac^bc>ad^de>fh^gi ^ab>ac|cd^df|eh^gi &ab^ab<ce^cf<dh^gi
08ae 5 >bc<ad^ad|eg<fh >bc<ad^ad|eg^fh >bc>ad<ad>eg|fh >bc>ad<ad|ef<gh
08be 6 &ab^bc>ad>de|fg<hi &ab^bc^ad>de|fg<hi >ac^bc>ad>de|fg<hi >ac^bc^ad>de|fg<hi
08ee 5 &ab|ab<ce<df|gh >ac>ad>de|bf<gh >ac^ad>de|bf<gh |ab>ac<de&bf|gh
08fe 5 ^ab^ad|ce<fg^ah ^ab^ad|ce|fg^dh ^ab|ce>af<df^gh ^ab|ce>af<df|gh
0996 5 ^ab&cd^cd>ef^gh ^ab&cd^cd^eg<fh ^ab&cd|cd^eg<fh ^ab&cd|cd|ef^gh
099e 7 &ab^ab&cd|cd|fg|eh^ij &ab|ab&cd^cd>fg<eh^ij |ab^ab|cd^cd>eg<fh^ij |ab^ab|cd^cd>eg<fh|ij
09ae 5 >ad<ad^bf<cg|eh >ad^ad^bf<cg|eh ^ad&ae^be<cg|fh ^ad^be<de<cf|gh
09b6 6 ^ab>bd^cd>cf>eh^gi ^ab|ad^cd&cf>eh^gi <ab^ab&ce|cf^dh<gi <ab^ab&ce|cf|dg^hi
09be 6 &bd>bd^ae^cf|gh^di <ab&bd^ce^af|gh^di <ab&bd|de^af|ch^gi >bc>bd>de^cf|ah^gi
09f6 3 ^ab|ce^df
0abe 5 <ab^ad|de|cf^gh >ac^bc>de|af<gh ^ad>bd>ce|af^gh ^bc&cd<de>af|gh
0ace 3 >ac>bd|ef
0aee 4 >bd&cd>af|eg >bd&cd|ae<fg |ab>ac<de|fg |ab>ac>df>eg
0afa 3 >ac>cd^ef >ac>cd|ef |ac&cd>ef |ac&cd^ef
0bb6 7 <ab^ab|cd^cd>fg<eh^ij <ab^ab|cd^cd>fg<eh|ij >ab<ab&cd|cd|fg|eh^ij >ab^ab&cd^cd>fg<eh^ij
0bd6 5 >ab<ab|de|cf^gh
0bf2 5 ^ab^ad&ef|cg^dh ^ab^bd>ef|cg^dh
0ff0 1 ^cd
1668 6 ^ab^ac^bd|ef^fg>hi ^ab^ac^cd^eg|fg<hi ^ab^ac^bd|ef<gh^fi ^ab^ac^bf|ef^dg>hi
166a 7 <ab^ab^bc^cd|eg<hi^fj &ab&cd|cd<ef&bg^ah^ij &ab&cd|cd^af&bg|eh^ij &bc^bc<ad&df>eg^ah^ij
166e 6 &ab^ab^cd^ce<gh^fi ^ab&cd^cd>ag|eh^fi &ab^ab^ce^de&gh^fi &cd^cd^ae>af>bh^gi
167e 6 ^ab^ac^bf|ef>dg>hi ^ab^ce^af>df|eg<hi
1686 5 ^ab^ad^ce>cf>gh ^ab^ad^ce|ef&gh ^ab^ad>cf|eg^ch ^ab^ad|ef&cg^eh
168e 7 ^ab|ac|bc^ad<eh>fi^gj |ac|bc^ad^bd&gh>ei^fj &ab^ab^ac|df|eg&hi^bj &ab^ab|ac>ce<dg|fi^hj
1696 5 &ab^ab&de^cf<gh ^ab&ac^ce&df>gh ^ab&ad^ce<ef>gh &ab^ab&de>cg^fh
1698 7 ^ab^ac<cd^cd^eg|fh<ij ^ab^ac^ad<cd|fg^eh>ij ^ab|ac&bd<cd^fg>eh>ij ^ab|ac&bd<cd^fg^eh>ij
169a 6 <ac<bc&bd^af<eg^hi ^ab|ac&bd&ce^fg<hi &ab^ab>bd>ce|gh^fi &ab^bc>bd|ef<gh^ai
169e 5 ^ab^cd>af|eg^ch ^ac^cd>af>bg^eh ^ac^de&af>bg^eh ^cd>ae>bf^ag^ch
16ac 7 <ac<bc<ad^bd|fg^eh^ij <ac|bc&ad<bd^fg>eh>ij <ac|bc&ad<bd^fg>eh^ij &ac^bc&ad>cd>fh|ei^gj
16bc 5 &ab^bc&ad|ef^gh &ab&ad>ce^bf^gh &ab&ad>ce^bg^fh &bc^bc^de&ag^fh
177e 6 &ab^ab^cd^cf|gh^ei &ab^ab^cf^df|gh^ei ^ab^ac^bf|ef>dg^hi ^ab>ae^ce^de|gh^fi
178e 5 ^ab^ad&ce|ef<gh ^ab^ad&ce|ef^gh ^ab^ad<ce<ef^gh ^ab^ad<ce<ef|gh
1796 5 ^ab^ac>de|fg^bh
1798 6 &ab^ab^df>cg|eh^di &ab|ab^df>cg|eh^di ^ab>ae^de>cg|fh^di
179a 7 <ac<bc^ad<bd|gh<ei^fj >ab<ac<bc^ad<fh|ei^gj >ab<bc^ad&cd>gh|ei^fj ^ab|bc&ad<cd^eh|gi^fj
17ac 6 <ab&ac>bc>de^fg^hi <ab&ac>bc>de|fg^hi <ab<ac|bc>de<fg^hi <ab<ac|bc>de^fg^hi
17e8 5 ^ab^ac^ad&ef^gh ^ab^ac^bd>ef^gh ^ab^ac^cd<ef^gh &ab^ab^de&cf^gh
1886 7 &ab^ab|cd^cd<eg|fh^ij &ab^ab|cd^cd^fg^eh>ij &ab|ab&cd^cd^fg^eh>ij &ab|ab&cd^cd|eg>fh^ij
1896 6 ^ab^ac>bd&de^fg<hi ^ab^ac|cd>df^eg<hi ^ac^bc>ad>de^fg<hi ^ab^ac>bd&de>fh^gi
18a6 6 >bc^bc^ad>df^eg<hi >bc^bc^ad|af^eg&hi >bc^bc^ad>df>gh^ei >bc^bc^ad|af&gh^ei
18b6 7 ^ab^bc>ad>bd>eh>fi^gj ^ab^bc>ad|ad&eh>fi^gj ^ac^bc>ad|ad<eh>fi^gj <ab>bc^cd^de|ag<fi^hj
18e6 6 ^ab^ac|ad<fg|eh^di ^ab|ad<cf^ag|eh^di |ad<ce^af^bf|gh^di
1996 6 ^ab&ac|cd&df^eg<hi &ab^ab^cd>ce|gh^fi ^ab&ac|cd&df|eh^gi &ab^ab>ce^cf>dg^hi
19a6 5 <ad^ad>ce>bg^fh <ad>ce>bf^ag^dh ^ad&de>cf>bg^eh
19b6 6 &ac<ac^ad>be|fg^hi &ac^ad>cd>be|fg^hi &ac^bd>cd|ef^ag^hi <ac&bc^bd^af|eg^hi
19e6 4 &ac^ad>be^fg ^ab&ac|ef^dg &ac>be^af^dg
1ab6 7 &ac<ac^ac|be>df>hi^gj &bc>ad>bd>cf^ag|ei^hj <ab>bd>cd>ce^af<gi^hj ^ab&bd^bd^ce>cg|hi^fj
1ac6 6 >ac<ac^bd>df>gh^ei >ac<ac^bd|bf&gh^ei >ac<ac^be|bf&dh^gi >ac<ac^de>df|bh^gi
1ae6 6 &bc^bd<cd>ae>fg^hi &bc|bc^bd>ae&fg^hi &bc|bc^cd|ae>fg^hi <ab^ac|bc<ef<dg^hi
1bd8 5 ^ab^bc^ad|fg^eh ^ac^bc^ad<fg^eh ^bc^ad^bd>ef^gh ^bc^ad^cd&ef^gh
1be4 4 <ab&ac^de^fg <ab&ac|ef^dg ^bc^bd&ae^fg ^bc^cd<ae^fg
28be 5 ^bc<ad^ad|eg<fh ^bc<ad^ad|eg^fh ^bc>ad<ad>eg|fh ^bc>ad<ad|ef<gh
2996 6 &bc^bc^ad&de^fg<hi &bc^bc^ad<ae^fg<hi <ab^ac^bd>eg^fg<hi ^ab&bc^cd^eg>fg>hi
299e 6 ^ab^ac^cd&bf|gh^ei ^ac^ad^bd&bf>eh^gi ^ac^bd^cd>bg>eh^fi ^ab^ac^de&bf|gh^ci
29d6 5 <ab^ac^bd<ef^gh <ab^bc^ad|ef^gh ^ab&bc^cd>ef^gh ^ab<ac^cd>ef^gh
2dd2 3 >ab^cd^ef >ab^ce^df
6996 3 ^ab^cd^ef ^ab^ce^df
80fe 6 ^ab^ac^ad|ef<gh^ai ^ab^ac^ad|ef|gh^di &ab|ab&ce|cf<dh|gi &ab|ab&ce|cf>dg>hi
817e 4 ^ab^ac|ef^dg
82be 4 ^bc^ad>ef^ag ^bc^ad|ef^dg ^bc>ae<de^fg ^bc>ae<de|fg
833e 6 ^ab^ac^bd&ef|gh^ci ^ab^bc^bd>ef|gh^ci ^bc^ad^bd<ef|gh^ci
88ee 4 &ab^ab<df^eg &ab^ab<df|eg &ab|ab<df|eg &ab|ab>de>fg
9696 2 ^ab^ce
aaaa 0
"""
ANDS = """
0000 0
0002 3 >ab|cd>ef |bc>ad<ef >ab<ce<df |bc>ae<df
0006 5 ^ab|cd>ef ^ab<ce<df &ab|ab|cd<ef<gh &ab|ab|cd>fg<eh
000a 2 >ac<de |cd>ae
000e 3 |ab|cd>ef |ab<ce<df
0016 7 &ab|ab|de^cf<gh &ab|ab^cf<dg<eh &ab|ab|ce^fg<dh &ab|ab|de&cf|cf<gi<hj
0018 6 &ab&ac<bc|df|eg<hi &ab<ac&bc|ef|dg>hi <ab&ac|bc|de<fg<hi <ab<ac>bc|de|fg<hi
001a 5 &ac<bc|de|af<gh &ac<bc|af<dg<eh >ac<ac<bf|eg<dh |ab>ac>ce|fg<dh
001e 5 |ab^ce<df |ab&ce|ce<dg<fh |ab&ce|ce|df>gh |ab>ce<ce|fg<dh
002e 4 >ab>bc|ef<dg |ab&bc<de<fg |ab&bc>ef<dg |ab&bc|df>eg
003c 4 ^bc<de &bc|bc<df<eg &bc|bc|de>fg >bc<bc|ef<dg
003e 5 &bc|bc|de|af<gh |ab&bc|ce|df>gh &bc|bc|af<dg<eh |ab<bc<ce|fg<dh
007e 6 &ab>ac|bc<eg|fh<di <ab>ac<bc|ef|gh<di >ab<ac>bc|ef|gh<di &ab|ab&ce|cf<dh<gi
008e 5 &ab|ab>ce<df<gh >ac<ac|be|df>gh &ab|ab<cf|eg<dh &ab|ab>ce>fg<dh
0096 7 ^ab^ce<df &ab|ab<ef^cg<dh >ab<ab|ef^cg<dh ^ab&ce|ce<dg<fh
009e 7 &ab|ab>ce^fg<dh &ab|ab^cf|eg<dh >ac<ac^bf|eg<dh &ab|ab&cf|cf<eg<dh<ij
00aa 1 >ad
00ae 3 >bc|ae<df
00be 5 ^bc|ae<df &bc|bc<ef|ag<dh >bc<bc|ae|fg<dh
00ee 2 |ab<de
00fe 3 |ab|ce<df
0116 9 &ab|ab&cd|cd|eg^fh<ij &ab|ab&cd|cd|fg|eh^ij |ab|ac|bd|cd&fg^eh<ij |ab|ac|bd|cd^fg&eh>ij
0118 9 &ab|ab|cd^cd&fg|eh<ij &ab|ab|cd^cd>eg<fh|ij |ab>ac>bd^cd&fg<eh|ij &ab|ab^cd<ce&fg|gh<ij
011a 7 |ab&cd|cd&eg<fg|ai<hj |ab&cd|cd>ag<eg<fi|hj |ab&cd|cd|ag&eg>hi<fj |ab&cd|cd|ag&eg|fi>hj
011e 7 |ab&cd|cd^eg<fh |ab&cd|cd|ef^gh &cd|cd|ae|bg^fh |ab&ce|ce^dg<fh
012a 7 &bc|bc>ad<ad<eg<fh|ij &bc|bc>ad<ad<fh|gi<ej &ad<bd|bd|af&cg<eh<ij &ad<bd|bd|af&cg>hi<ej
012c 8 <ac&ad|cd|ef^bg<hi |ac>ad|cd>ef^bg<hi <ac&ad|cd^bg<eh<fi <ac&ad|cd|be^gh<fi
012e 7 >ab|ab>ce^df<gh |ab|bd^de&cf>gh >ab|be>ce^df<gh >ab|ab|bd&df<cg|ei<hj
013c 7 |ab|bd&de^cf<gh |ab|bd&de|cg^fh &bc|bc<ad&df<ef|gi<hj &bc|bc<ad&df|fg|eh>ij
013e 7 &bc|bc|de|af^gh &bc|bc|af^dg<eh &bc|bc|de|af&gh|gh<ij &bc|bc|de|af>dh<gh|ij
0168 11 ^ab|ac^ce^df<gh |ab^ab^de^cf>gh ^ab|ae^ce^df<gh
016a 8 &bc|bc|de&df^ag<hi &bc|bc|de&df|ah^gi
016e 8 &ab|ab^df<ef>ch>gi &ab|ab|de^df&cg>hi
017e 8 &ab|ab&ce|cf^dh<gi &ab|ab&ce|cf|dg^hi
0180 7 &ab>ac&bd<cd|fg|eh<ij &ab>ac<bd&cd|eg|fh>ij &ab|ab>cd<cd>fg|eh<ij &ab|ac&bd|cd<ef<gh<ij
0182 8 &ab>bc^ad>ce<fg<hi &ac<bc^ad>be<fg<hi <bc^ad>cd<ef>bg>hi >bc^ad>bd<ef>cg>hi
0186 9 &ab|ab^ce^df<gh <ab|ac>bd|cd>fg|ei^hj >ab|bc>ad|cd>fg|ei^hj &ab|ab&cd|de<cf<gh^ij
0188 6 &ab|ab<cd&df|eg<hi &ab|ab<cd<de<fg|hi >ab&bd<cd|ef|ag<hi |ab>ad<cd>ef|bg<hi
018a 6 <bc&ad<bd|ef|ag<hi <bc&ad<bd|ag<eh<fi <bc>ad<ad<bg|fh<ei |ab<bc>ad>de|gh<fi
018e 7 &ab|ab>ce^df<gh &ab|ab>ce&df|df<gi<hj &ab|ab>ce&df|df|gh>ij &ab|ab>ce>df<df|hi<gj
0196 9 &ab|ab&df<ef|cg|dh^ij &ab|ab&df<ef|dh^ci<gj
0198 8 ^ab|ac^df<eg &ab|ab^cd<de<fg|hi >ab<ab|ac|ef^dg<hi |ab>ad^cd&bf<eg|hi
019a 8 <bc&ad<bd|ef|ag^hi <bc&ad<bd|ag^eh<fi |ab<bc|ad&de|fh^gi <bc|bc|de&df^ag<hi
019e 9 &ab|ab&cd>ce|fg|dh^ij <ac|ac>cd|de>fg|bi^hj >ac<ac&cd|be|df^hi<gj >ac<ac&cd|be|df|gh^ij
01a8 6 |bc>ad<ad&ef<eg|hi |bc>ad<ad>ef|eg<hi |bc&ad&ae>de|gh<fi |bc&ad<ae|de<fh<gi
01aa 5 |ab>ad<cd<eg|fh |ab<cd&de|af<gh &ad<bd<cf|ag<eh >ad<ad<bf<cg|eh
01ac 7 <ac|bc<ad&df<ef|gi<hj <ac|bc<ad&df|fg|eh>ij <ac|bc<ad<df<bg|hi<ej <ac|bc<ad|de<fg>fh|ij
01ae 6 |ab<ac^de<fg |ab<ac&de|de<fh<gi |ab<ac&de|de|fg>hi |ab<ac>de<de|gh<fi
01bc 9 &ab|ab|bd&df^cg|ei<hj &ab|ab|bd>ce&df^gh<ij &ab|ab|bd>ce&df|hi^gj &ab|ac|cd&df<eg^bi<hj
01be 8 <ab|ac&bd|de|fg^hi <ab|ac&bd|de^fh<gi &bc|bc<ae|af^dh<gi &bc|bc<ae|af|dg^hi
01e8 10 &ab|ab^cd^df|eg&hi &ab|ab^cf^df<eg>hi &ab|ab|ce^df^dg&hi &ab|ab|ce^df^fg>hi
01ea 7 &bc|bc<ad|ae<fg<dh|ij &bc|bc|ad|af|eg&dh>ij |ab&bc<cd&de|af|gi<hj |ab|ac<bd<de|fg>fh>ij
01ee 5 |ab<cd&de|ef<gh |ab<cd<de<ef|gh |ab>de<de<cf|gh |ab|ce<de>df|gh
01fe 5 |ab|ce^df |ab|ce&df|df<gh |ab|ce>df<df|gh
022e 6 >ab&cd|cd>ef>bg|hi >ab>bc&cd<df>eg|hi |ab&bc|bc>ef&dg>hi >ab&cd|cd>bg|eh<fi
023e 6 &bc|bc>af<df<eh|gi &bc|bc|af&df<eg<hi &bc|bc|af&df>gh<ei &bc|bc|af&df|eh>gi
0246 5 &ab>ac>bd|fg<eh |ab|bc|ad&fg>eh <ab>ac<de<bf|gh <ab|bc<de>af|gh
024e 5 <ab>ac&bd|ef<gh >ab&ac>bd|eg<fh |ab&ac&bd>ef<gh |ab&ac&bd|fg>eh
0256 5 |bc|ad>ae>ef|gh |bc|ad|ae&ef>gh |bc&ae<de|ag<fh |bc>ae<ae<dg|fh
025a 6 >ab^ac>de>fg ^ac|bc&df>eg &ac&bd>cd|ef|ag<hi >ab&ac|ac>de<fg<hi
025e 6 >ab&ac|bc<dg|eh<fi &ac|bc>af<df<eh|gi &ac|bc|af&df<eg<hi &ac|bc|af&df>gh<ei
026e 7 >ab&ac>bd&cd<fg>eh|ij >ab&ac>bd|bd|eg&fh>ij |ab&ac&bd|bd>eg&fh>ij >ab&ac>bd&cd<fg|ei<hj
027e 7 &ab>ac|bc&dg<eg|fi<hj &ab|bc&ce>af<df<gi|hj &ab|bc&ce|af&df<gh<ij &ab|bc&ce|af&df>hi<gj
0296 8 &bc|bc&df<ef^ah<gi >ab<ab>de|ef^ch<gi
029e 8 <ac|bc^be>af<dg|hi >ab<ac<ce^bf<dh|gi >ac<ac^bf&dg|eg<hi >ac<ac^bf<dg>eg|hi
02ae 5 >bc|bc|ae&df>gh >bc|ae|ce&dg>fh |bc<ce&de|af<gh
02be 6 &bc|bc&df<ef|ah<gi
02ce 4 >ab>bd<ce|fg >ac&bd|be<fg |bc>bd>ae|fg
02d6 7 &bc|bc>ae>af<df<gi|hj >ab<ab<ce|de|cf<hi|gj &bc|bc>ae<df&fg|gh<ij &bc|bc>ae<df<fg<gh|ij
02de 6 <ac|bc|be>af<dg|hi >ab<ac<ce|bf<dh|gi >ab|bc&ce<df|eh<gi >ab|bc<ce|de>fh|gi
02ea 5 &bc|bc|ae&df>gh
02ee 4 |ab|bc&df>eg
02fe 4 |bc>ae<de|fg |bc|ae&de>fg
033c 6 &bc|bc^df<eg &bc|bc|de^fg &bc|bc&df<ef|dh<gi &bc|bc&df|df|eg>hi
033e 7 &bc|bc|ad&df|fg<ei<hj &bc|bc|ad&df|fg|eh>ij &bc|bc|ad<df<fg<eh|ij &bc|bc|ad|de<fg>fh|ij
0356 5 |bc|ad^ef |bc|ad&ef|ef<gh |bc|ad>ef<ef|gh
0358 7 |bc|ad|cd&ef^gh |bc|ad|cd&ef&gh|gh<ij |bc|ad|cd&ef>gh<gh|ij
035a 6 |ad&bd^ce<fg |ad&bd|cf^eg |ad&bd&ce>ef|ch<gi |ad&bd&ce|ce<fh<gi
035e 7 >ad|ad>be|cg^fh >ad>be|de|cf^gh &ac|bc|ad&df|fg<ei<hj &ac|bc|ad&df|fg|eh>ij
0368 8 &bc|bc|ad|de&fg^hi
036a 8 &bc|bc|ad&df^eg<hi &bc|bc|ad&df|eh^gi |ad&bd|bd&cg^eh<fi &bc<bd^ae<cf<dg|hi
036c 7 &ac&cd|de|bf^gh &ac&cd|de^bg<fh &ac&cd|de|bf&gh|gh<ij &ac&cd|de|bf>bg>gh|ij
036e 8 >bc&cd>ae|bf|dg^hi >bc&cd>ae|dg^bh<fi &cd|be<cf>ag|dh^fi
037c 7 &ab|bc&ce^df<gh &ab|bc&ce|dg^fh &ab|bc&ce&df|df<gi<hj &ab|bc&ce&df|df|gh>ij
037e 8 &bc|bc<ef>ag|dh^fi
0396 8 &bc|bc|ad<de>fh^gi <bc|ad>cd>bg|eh^fi >bc|ad>bd>cg|eh^fi |bc|ad>bd&cg>eh^fi
039a 7 <bc>ad<bd|fg^eh <bc|ad&bd>fg^eh <bc|ad&bd^ef<gh <bc|ad&bd|eg^fh
039e 9 >bc<bc|ad&bd|eg|fh^ij >bc|bc|ad>bd|eg>fh^ij >bc<bc|ad&bd^fg|ei<hj |ac|bc|ad>bd&eh>fi^gj
03ae 6 >ad^bd<cf|eg >bc|bc|ad&df|eg<hi >ad&bd|bd<cg<fh|ei >ad&bd|bd|cf>gh|ei
03be 7 &bc|bc|ad&df<ef|gi<hj &bc|bc&df<ef|ah|di<gj &bc|bc>df<ef|ah<di|gj
03c0 5 &bc&bd<cd|eg<fh <bc&bd|cd<eg<fh <bc&bd|cd|ef>gh <bc<bd>cd|fg<eh
03c2 6 &bc|bc|ad<de<fg|hi |bc|ad>bd<ef&cg|hi <bc|ad>cd<bf|gh<ei >bc|ad>bd<cf|gh<ei
03c6 6 >ac|bc|de>bg<fg|hi >ac|bc|de|bg&fg>hi |ad>bd<ce&bg|fg<hi |ad>bd<ce<bg>fg|hi
03ca 6 <bc&bd|cd|ef|ag<hi <bc|ad&bd|cf|eg>hi |ac|bc>bd|de>fg>hi |bc>bd|cd>ef|ag<hi
03cc 4 &bd<cd|bf<eg >bd<bd<cf|eg |bc>bd>de|fg |bc|bd&de>fg
03ce 5 |bc|ad>bd<ef|gh |ad&bd<ce|bg<fh |ad>bd<be<cg|fh
03d4 7 &bc|bc>ae>df<df<gi|hj &bc|bc|de<af&df|gh<ij &bc|bc<af&df|dg|ei<hj &bc|bc<af>df|eg<di|hj
03d6 7 &bc|bc>ae|dg^fh &bc|bc>ae|dg&fh|fh<ij &bc|bc>ae|dg>fh<fh|ij
03d8 7 &ab<ac<bd|ef<cg<dh|ij &ab<ac|bc|de&dg|fh<ij &ab<ac|bc|ef>dg<dh|ij >ab|ac<bd<df<cg<eh|ij
03da 7 <bc|ad&bd>cf<ef<gi|hj <bc|ad&bd>cf>fg<ei|hj <bc|ad&bd>cf|eg>fi|hj <bc|ad&bd|cf&ef<gh<ij
03dc 6 <ac|bc|bd&df|eg<hi >ad>ce|bf^dg <ac<bd|be<cf<dg|hi <ac|bc|be&df|dg<hi
03de 6 >ab|bc|de^fg >ab|bc|de&fg|fg<hi >ab|bc|de>fg<fg|hi
03ea 6 &bc|bc|ad&df|eg<hi &bc<bd|ae<cf<dg|hi &bc|bc|ae&df|dg<hi &bc|bc|ae>df<dg|hi
03ee 5 |ab<bd<de<cf|gh |ab|bc<de>df|gh |ab|bc|de&df>gh |bc|ad&de|bf<gh
03fc 4 |bc^de |bc&de|de<fg |bc>de<de|fg
0660 7 ^ab^cd&ef &ab|ab^cd&fg<eh >ab<ab^cd|ef&gh ^ab&cd|cd>ef&gh
0662 7 >ab<ab&cd|cd&fh|ei<gj &ab&cd|cd|ef&bg|ai<hj |ab&cd|cd>ef<ag>bi>hj &ab&cd|cd&bg|ah<ei<fj
0666 5 ^ab&cd>ef &ab|ab&cd<ef<gh &ab|ab&cd>fg<eh &ab|ab&cd|eg>fh
0668 9 &ab|ab&cd|cd>fg^eh&ij &ab|ab&cd|cd&fh^ei<gj &ab|ab&cd|cd|eg^hi&fj &ab|ab&ce|ce>fg^dh&ij
066a 7 &cd|cd&bf^ag<eh &cd|cd&bf&ag|ag<ei<hj &cd|cd&bf&ag|ag|eh>ij &cd|cd&bf>ag<ag|hi<ej
066e 7 &ab|ab&cd|cd>fg&eh>ij &ab|ab&cd|cd&eh>fi<gj &ab|ab&cd|cd&eh|gi>fj |ab&cd|cd>ef&ag&bi>hj
0672 7 &ab|ac&bd&cd|fg|eh>ij &ab|ac&bd&cd|fg<ei<hj &ab&bd&cd|af|eg|ch<ij &ab&bd&cd|af|ch<ei<gj
0676 6 &ab|ab&cd|cf|eg>hi &ab|ab&cd|cf<eh<gi &ab|ab>cd<cf|gh<ei <ab|ac&cd<bf|eh<gi
0678 9 &ab|ab&cd&df|eg|ch^ij &ab|ab|cd<cf^eg>dh>ij &ad|ad&cd|ce&bf^hi<gj &ab|ab|de<ef^cg>dh>ij
067a 9 &ab&bd>cd^af<eg<ch|ij &ab|ac&bd|de^fg&ch>ij &ab|ac&bd|de|cg&hi^fj &ab|ac|bc&ce&dg^fi<hj
067e 9 &ab|ab^ce<cf&dg|gh<ij &ab|ab^ce<cf<dg<eh|ij &ab|ab|ce^ce>fg<dh|ij &ab|ab^ce<dg>fg<ci|hj
0690 8 ^ab>cd<cd<ef&eg|hi ^ab>cd<cd|ef>eg>hi ^ab&cd>ce&de|gh<fi ^ab&cd|ce<de<fg<hi
0692 9 ^ab>bd>cd&ce>ef|gi<hj ^ab>bd>cd<ce<eg<fh|ij ^ab>bd>cd>ef<eg<ch|ij ^ab>bd>cd|cf<eg>eh|ij
0696 7 ^ab>cd&ce|ef<gh ^ab>cd<ce<ef|gh ^ab<ce|de>cg|fh ^ab>ce<ce<df|gh
069a 8 <bc&bd&cd|ef|ag^hi |bc>bd&cd>ef|ag^hi <bc&bd&cd|ef^ah<gi |bc>bd&cd>ef^ah<gi
069e 8 ^ab|ac&ce<df|eh<gi ^ab|ac<ce<df<eh|gi ^ab|ac<ce|de>fh|gi
06b0 9 <ab^ab>cd<cd<eg&fh|ij <ab>bc<ad>ce>df|gh^ij <ab>bc<ad|de|cg<fh^ij <ab^ab&cd>ce&df|hi<gj
06b2 9 <ab^ab&cd<de|cf<gi<hj <ab^ab&cd<de|cf|gh>ij <ab^ab<cd|de|cf<gh>ij <ab^ab>cd<de<cf|gi<hj
06b4 8 >ab<ab|ce&dg|fh^ci
06b6 7 >ab<ab>cd|ef<fg<ch|ij >ab<ab>cf|ef<dg<ch|ij >ab<ab|ce|df|fg&ch>ij >ab<ab|df|ef&cg|ch<ij
06b8 9 <ab|ac|bc<de&df>gh^ij <ab|ac|bc<de&df^gi<hj <ab|ac|bc<de&df|hi^gj <ab|ac|bc|de>df>hi^gj
06ba 8 <bc&bd&cd^af|eh<gi |bc>bd&de>cf|ah^gi >bd>ce|af|bf&dh^gi |bc&de>bf>cg|ah^fi
06bc 8 <ab|ac|bc|de&fh^gi
06be 8 <ab|ac|bc&dg|eh^fi |ac>ad&cd>bf^eh<gi |ac>ad&cd>bf|gh^ei |ac>ad&cd^be<gh|fi
06ea 7 &ab|cd|ce&bf&dg|ah<ij &ab|ce&df|df&bh|ai<gj |cd&be&af|af|cg&di>hj
06ee 5 &ab|ab|ce&dg>fh
06f0 7 ^ab>cd<cd&eg|fh >ac<bd>de|cf^gh |ac&bd&de|cf^gh ^ab&cd&de|cg<fh
06f2 7 &ab&bd>cd|ce|af<hi|gj >ab&bd&cd|ce<af|hi<gj |ab<ad>cd<ce>bf>hi|gj &ab&bd&cd|af<eh|ci<gj
06f6 6 ^ab&cd|ce<fg ^ab>cd<ce|fg &ab|ab&cd<ef|ch<gi &ab|ab>cd<cf<eh|gi
06f8 7 &ab|ab|ce&df&dg|gh<ij &ab|ab|ce&df<dg<gh|ij &ab|ab|ce<dg>fg&di|hj &ab|ab|ce|dg>fg>di>hj
0776 7 &ab|ab&cd|cd|eg|fh<ij &ab|ac|bd&cd|fg|eh>ij &ab|ab&cd|cd|fh<ei<gj &ab&cd|cd|ef|ag|bi<hj
0778 7 &ab&cd|cd^eg<fh &ab&cd|cd|ef^gh &ab&ce|ce^dg<fh &ab&ce|ce|df^gh
077a 7 &ab&cd|cd>ag<eg<fi|hj &ab&cd|cd|ag&eg<fh<ij &ab&cd|cd|ag&eg>hi<fj &ab&cd|cd|ag&eg|fi>hj
077e 9 &ab|ab|cd^cd>fg<eh|ij &ab|ab^cd<cf&eg|gh<ij &ab|ab^cd<cf<eg<dh|ij &ab|ab^cd<eg>fg<ci|hj
0796 9 ^ab>ac>df|eg^ch &ab|ab&cd|df>eg>hi^cj &ab|ab>ac<ef>dg|hi^cj <ab|ad&cd<bf|eg|hi^cj
079e 8 &ab|ab|ce<ef|dh^gi
07ae 6 &ab>ad|bd<cg<eh|fi &ab>ad|bd|ce>gh|fi <ab>ad<bd|eg<ch|fi
07b0 7 &ab<ab>cd<cd<fg<eh|ij &ab<ab&cd>de>cf|hi<gj &ab<ab<cd>cf<eg<dh|ij &ab<ab<cd|df<eg>ch|ij
07b2 9 &ab>ac>bd|df>cg|ei^hj >ac<ac^cd|ef|eg&bh>ij >ac|ad^cd<ef|eg>bh>ij ^ac&cd|cd&be|ag<fi<hj
07b4 7 <ab>bc>df|eg^ch <ab<bd>cd|ef<eg<ch|ij &ab|bd>cd<ef&ch|gh<ij &ab|bd>cd<ef<ch>gh|ij
07b6 9 &ab<ab>ac|ce|df|gi^hj &ab>ad|bd<ce^cg|fi<hj &ab|ab&ac|ce>fg|di^hj &ac>ac|ac>be>df|hi^gj
07ba 7 &ab<bc<cd|af<eg<dh|ij &ab<bc|ad|ce|fg&dh>ij &ab<bc>de|af<cg<dh|ij &ab<bc|ce|af&dg|dh<ij
07bc 7 &ab<ab|ce|df^gh &ab>be|ce|df^gh <ab>be|de|cf^gh &ab<ab|ce|df&gh|gh<ij
07e0 7 &ab|ab>cd<cd&fg<eh|ij &ab|ab&cd>de&cf|hi<gj &ab|ab<cd&cf<eg<dh|ij &ab|ab>cd>de&fg<ch|ij
07e2 7 &ab&bc|ad&cd<eg|fi<hj >ab&bc<ad&cd|ef|gi<hj |ab>bc<ad&cd>ef|gi<hj
07e6 7 <ab>bc|ad&cd<fg|ei<hj >ab>ac|bd&cd<fg|ei<hj &ab|ab&cd<ce|df<gi<hj &ab|ab&cd<ce|df|gh>ij
07e8 7 &ab|ab|ce<df>dg&gh|ij &ab|ab|ce<df|dg>gh>ij &ab|ab|ce&dg&fg|di<hj &ab|ab|ce>dg&fg<di|hj
07ea 7 &ab&bc<cd|af<eg<dh|ij &ab&bc|ad|ce|fg&dh>ij &ab&bc>de|af<cg<dh|ij &ab&bc|ce|af&dg|dh<ij
07f0 5 &ab>cd<cd<eg|fh &ab&cd>de|cg<fh &ab>cd>de<cg|fh &ab>cd|ce>dg|fh
07f2 6 &ab|ad&cd<ef|ch<gi &ab|ad>cd<cf<eh|gi &ab|ad>cd|ce>fh|gi >ab<ad>cd|ef<ch|gi
07f8 5 &ab|ce^df &ab|ce&df|df<gh &ab|ce>df<df|gh
088e 7 &ab>ac>bd|cd|fg<eh>ij &ab|ab&cd|cd>eg>fh|ij &ab|ab&cd|cd>fg<eh>ij >ac<ac>bd<bd<fg>eh|ij
089e 9 &ab|ab&cd^cf>eg<dh|ij >ac<ac<bd^bf>eg<dh|ij &ab|ab>de<de^cf<gi|hj >ac<ac>de<de^bf<gi|hj
08ae 5 >bc>ad<ad>eg|fh >bc>ad<ad|ef<gh >ad<ad>bf<cg|eh >ad<ad|cf>bg|eh
08be 7 >bc<bc<ad|af>eg<dh|ij >bc<bc>de<de|af<gi|hj <bc<ad|ae>bf<dg<ch|ij <bc<ad|ae|cf<dg>bh|ij
08ee 5 &ab|ab<ce<df|gh >ac>ad>de|bf<gh |ab>ac<de&bf|gh &ab|ab<ce>dg>fh
08fe 6 >ac|bc<bd<df>eg|hi >ac|bc>ad>de|fg<hi >ac|bc<bd<df|eh<gi >ac|bc>ad>de>fh|gi
0996 9 ^ab&cd|cd^eg<fh ^ab&cd|cd|ef^gh &cd|cd^af^bg<eh ^ab&ce|ce^dg<fh
099e 9 &ab|ab&cd|cd<eh^fi<gj &ab|ab&cd|cd^fh|ei<gj &cd|cd>af<af^bh<ei|gj
09ae 7 >ad<ad^bf<cg|eh >ad<ad&bf|bf<ch<gi|ej >ad<ad&bf|bf|cg>hi|ej >ad<ad>bf<bf|gh<ci|ej
09b6 9 >ab<ab|ce&df|df^gi<hj >ab<ab|ce&df|df|gh^ij >ab<ab&cf|cf|dg|eh^ij >ab<ab&cf|cf|eh^di<gj
09be 9 <ab|ac&bd|de<cg>hi^fj <ab|ac>bc<de>dg|hi^fj <ab|ac>bc|de&dg>hi^fj >ad<ad&cd|cf|bg^hi|ej
09f6 7 ^ab|ce^df &ab|ab<ef|cg^dh >ab<ab|ce|fg^dh ^ab|ce&df|df<gh
0abe 7 >ac^bc>de|af<gh ^bc&cd<de>af|gh <ab>ac^ce<dg|fh >ac^bc|af<dg|eh
0ace 3 >ac>bd|ef
0aee 4 >bd&cd>af|eg >bd&cd|ae<fg |ab>ac<de|fg |ab>ac>df>eg
0afa 3 >ac>cd|ef |ac&cd>ef
0bb6 9 >ab<ab&cd|cd|fg|eh^ij >ab<ab&cd|cd^fh|ei<gj >ab<ab&cd|ce|fg|dh^ij >ab<ab&cd|ce|dh^fi<gj
0bd6 7 >ab<ab|de|cf^gh >ab<ab|de|cf&gh|gh<ij >ab<ab|de|cf>gh<gh|ij
0bf2 7 &ad|ad&cd|ce<bf|hi<gj &ad|ad>cd>be<cf<hi|gj >ab<ab<cd|ce<fg<dh|ij >ab<ab>cd|de|cf>hi|gj
0ff0 3 ^cd &cd|cd<ef >cd<cd|ef
1668 9 &ab|ab&cd|cd|eg&fh^ij
166a 9 &bc|bc&ae|ae&df^hi<gj &bc|bc&ae|ae&df|gi^hj &bc|bc&de&df|ag|eh^ij &bc|bc&ae|ae|dg&fi^hj
166e 9 &ab|ab&cd|cd^fg&eh>ij &ab|ab&cd|cd&eh|gi^fj |ab&cd|cd^ef&ag&bi>hj |ab&cd|cd&ag&bh|fi^ej
167e 12 ^ab^ac^bf|ef>dg>hi ^ab^ce^af>df|eg<hi
1686 9 &ab|ab&cd>cd|eg>fh^ij &ab|ab&cd&cf<ef|gi^hj &ab|ab&cd>cg|eg>fh^ij &ab|ab>cd>ce<ef|gi^hj
168e 9 &ab|ab|ce<ef|dh&gi^fj
1696 8 &ab|ab&cd>eg>fh^ci &ab|ab&de<ef>cg^hi &ab|ab&de<ef^ch<gi ^ab&ad<ce>cf<eh|gi
1698 9 &ab|ab>ce<df<ef|gh^ij &ab|ab&df<df>ch|ei^gj &ab|ab>ce|ce|dg&fi^hj &ab|ab<df>cg>fg|eh^ij
169a 8 <ac<bc&bd<eg|fh^ai <bc&bd&cf|ef^ah<gi <bc&bd&cf|ef|ag^hi <ac<bc>be&dg|fh^ai
169e 8 &ab|ab&de^cf|eh<gi &ab|ab<de^cf<eh|gi &ab|ab>ce&de>fh^gi &ab|ab>ce&de^fg<hi
16ac 9 <ac|bc&ad<bd^fg>eh>ij <ac|bc&ad<bd>eh>fi^gj <ac|bc&ad<bd>eh|gi^fj &ac>bc<bc|ef|ag&di^hj
16bc 8 &ab<ab&ad|ce|fg^hi &ab|ab>ad|ce>fg^hi &bc|bc&ad<ae^fg<hi &bc|bc&ad<ae>fh^gi
177e 14 &ab^ab^cd^cf|gh^ei &ab^ab^cf^df|gh^ei ^ab^ac^bf|ef>dg^hi ^ab>ae^ce^de|gh^fi
178e 9 ^ab^ad&ce|ef<gh ^ab^ad<ce<ef|gh ^ab&ad|ad&ce<fg|ei<hj ^ab&ad|ad<ce<eg<fi|hj
1796 9 ^ab&ad|cd&ce<fg|ei<hj ^ab&ad|cd<ce<eg<fi|hj ^ab&ad|cd<ce|ef>gi|hj ^ab<ad>cd&ce|ef|gi<hj
1798 9 &ab<ac&cd<bf|eg^di|hj &ab<ac&cd^de<bf<gh|ij &ab<ac<bc|df|ef<gh^ij &ab|ab&cd>cf|eg^di|hj
179a 9 &ab<bc<cd&de^af|gi<hj &ab<bc<cd&de|ag|fh^ij &bc<ad&bd|cf>ag<eh^ij <bc&bd<cd>af<ag^eh|ij
17ac 8 <ab&ac>bc>de|fg^hi <ab<ac|bc>de<fg^hi
17e8 7 &ab|ab&cf|eg^dh &ab|ab&cf|eg&dh|dh<ij &ab|ab&cf|eg>dh<dh|ij
1886 11 &ab|ab&cd^cd|eg>fh^ij
1896 12 ^ab^ac>bd&de^fg<hi ^ab^ac|cd>df^eg<hi ^ac^bc>ad>de^fg<hi ^ab^ac>bd&de>fh^gi
18a6 12 >bc^bc^ad>df^eg<hi >bc^bc^ad|af^eg&hi >bc^bc^ad>df>gh^ei >bc^bc^ad|af&gh^ei
18b6 13 ^ab^bc>ad>bd>eh>fi^gj ^ab^bc>ad|ad&eh>fi^gj ^ac^bc>ad|ad<eh>fi^gj <ab>bc^cd^de|ag<fi^hj
18e6 9 &ab|ab<cd<ce|fg<hi^dj |ab>ac<cd&bf|eg<hi^dj &ab|ab<ce|cf>fg&dh^ij |ab>ac|ce&bf&dg>eh^ij
1996 9 &ab|ab&cd|cd>eg>fi^hj &ab|ab>ce<ce|dg>fh^ij &cd|cd>ae^bf&ah|gh<ij <ab&cd|cd>bf>ah|ei^gj
19a6 8 >ad<ad>cf|ef>bg^hi
19b6 9 &ab|ab<ac<ce|dg>fh^ij &ac&ad|ad>be|cg<fi^hj &ac>ad|cd>be<ag|fi^hj <ab<ac>bc|df>ag|ei^hj
19e6 7 &ab|ab<ce>fg^dh <ab>bc>af|eg^dh >ab>ac>bf|eg^dh |ab>ac&bf>eg^dh
1ab6 11 &ac<ac^ac|be>df>hi^gj &bc>ad>bd>cf^ag|ei^hj <ab>bd>cd>ce^af<gi^hj
1ac6 9 >ac<ac>bd<bd^eg&fh|ij |ab>ac>bd&cd^fg<eh|ij >ac<ac>bd<bd&fh|ei^gj |ab>ac>bd&cd<eh|fi^gj
1ae6 9 &ab|ab|bc<ce&dg>fh^ij &ac<bc|bc|af<dg<eh^ij &bc&bd&cd>ae|bg<fi^hj &bc&cd|cd|ae>bg|fi^hj
1bd8 9 ^ad&be>ce|fg^dh ^ad&be|ce<fg^ah ^ad<be>ce|fg^ah ^ad<be|ce<fg^dh
1be4 6 <ab&ac|ef^dg |ab>ac>ef^dg <ab&ac|ef&dg|dg<hi <ab&ac|ef>dg<dg|hi
28be 7 ^bc>ad<ad>eg|fh ^bc>ad<ad|ef<gh ^bc&ae|ae<dg|fh ^bc&ae|ae>df>gh
2996 12 &bc^bc^ad&de^fg<hi &bc^bc^ad<ae^fg<hi <ab^ac^bd>eg^fg<hi ^ab&bc^cd^eg>fg>hi
299e 14 ^ab^ac^cd&bf|gh^ei ^ac^ad^bd&bf>eh^gi ^ac^bd^cd>bg>eh^fi ^ab^ac^de&bf|gh^ci
29d6 9 &bc|bc>ae^df^gh >ab<ab^de|cf^gh &bc|bc>ae^dg^fh &bc|bc^af|eg^dh
2dd2 7 >ab^cd^ef >ab^ce^df >ab&cd|cd<fg^eh >ab>cd<cd|fg^eh
6996 9 ^ab^cd^ef ^ab^ce^df &ab|ab^cd<ef^gh >ab<ab^cd|ef^gh
80fe 6 &ab|ab&ce|cf<dh|gi &ab|ab&ce|cf>dg>hi &ab|ab>de<df>cg|hi &ab|ab>de<df|ch<gi
817e 8 &ab>ac|bc<eg|fh^di <ab>ac<bc|ef|gh^di >ab<ac>bc|ef|gh^di &ab|ab&ce|cf<gh^di
82be 6 ^bc>ae<de|fg ^bc|ae&de>fg &bc|bc<ef>ag<dg|hi &bc|bc<ef|ag&dg>hi
833e 14 ^ab^ac^bd&ef|gh^ci ^ab^bc^bd>ef|gh^ci ^bc^ad^bd<ef|gh^ci
88ee 4 &ab|ab<df|eg &ab|ab>de>fg >ad<ad>bf|eg >ad<ad|be<fg
9696 6 ^ab^ce &ab|ab<ef^cg >ab<ab|ef^cg ^ab&ce|ce<fg
aaaa 0
"""
