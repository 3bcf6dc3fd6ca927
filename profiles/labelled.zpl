^XA
^CI28
^FX 56 x 30 mm at 203 dpi. station label preview profiles/labelled.yaml shows it.
^PW448
^LL240
^FO16,20^BQN,2,5^FDMA,${serial_number};R02^FS
^FO190,24^A0N,34,34^FD${serial_number}^FS
^FO190,70^A0N,24,24^FD${device_name}^FS
^FO190,104^A0N,20,20^FD${mac}^FS
^FO190,136^A0N,20,20^FDFW ${firmware_version}   ${date}^FS
^FO370,160^BXN,4,200,,,,~^FD${mac_plain}^FS
^XZ
