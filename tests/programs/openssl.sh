# openssl: digests, a cipher there and back, keys, a signature and its check.
# suite
# needs: openssl
seq 1 2000 >plain
openssl dgst -sha256 plain && openssl dgst -sha3-256 plain
openssl enc -aes-256-cbc -K $(printf %064d 7) -iv $(printf %032d 9) -in plain -out secret && cksum secret
openssl enc -d -aes-256-cbc -K $(printf %064d 7) -iv $(printf %032d 9) -in secret | cmp - plain && echo back
openssl genpkey -algorithm ed25519 -out key && openssl pkey -in key -pubout -out public
openssl pkeyutl -sign -inkey key -rawin -in plain -out signature && wc -c <signature
openssl pkeyutl -verify -pubin -inkey public -rawin -in plain -sigfile signature
openssl ecparam -name prime256v1 -genkey -noout -out ec && openssl req -new -x509 -key ec -subj /CN=x -days 9 -out crt
openssl x509 -in crt -noout -subject && openssl verify -CAfile crt crt && openssl prime 1000003
rm key public signature ec crt
