# ssh-keygen: a key made, shown, converted; a file signed and verified.
# suite
# needs: ssh-keygen
ssh-keygen -q -t ed25519 -N '' -C comment -f key && ls -l key | cut -c1-10
ssh-keygen -lf key | awk '{print $1, $3, $4}' && ssh-keygen -yf key | cut -d' ' -f1,3
echo text >file && ssh-keygen -q -Y sign -f key -n file file 2>&1
echo "me $(cat key.pub)" >signers && ssh-keygen -Y verify -f signers -I me -n file -s file.sig <file | cut -d: -f1 | cut -d' ' -f1-6
ssh-keygen -lf nothing 2>&1
rm -f key key.pub file.sig signers
