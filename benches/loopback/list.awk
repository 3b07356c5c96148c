# Writes a list of made-up recipients as CSV: awk -v rows=N -v domains=D -v zone=Z -f list.awk
# Neighbours have different domains (reserved names, RFC 2606), every domain has the same number of recipients, and the
# same numbers give the same list.
BEGIN {
    count = split("Ann Ben Carla Dmitri Elin Fatima Giorgos Hana Ingrid Joao Kaito Lena Marco Nadia Omar Priya", first, " ")
    cities = split("Berlin Porto Lyon Krakow Osaka Athens Quebec Nairobi Malmo Cork Utrecht Lisbon Tbilisi", city, " ")
    print "email,first_name,city"
    for (row = 0; row < rows; row++) {
        # 7919 is a prime, so all domains come up before one comes again.
        domain = (row * 7919) % domains
        printf "reader%d@d%d.%sexample,%s,%s\n", row, domain, zone, first[row % count + 1], city[row % cities + 1]
    }
}
