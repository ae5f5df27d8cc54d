package openapi
import ("testing";"os")
func TestZZDump(t *testing.T){
 for i,f:=range contracts { n:=[]string{"hiring","everything"}[i]
  os.WriteFile("/tmp/olga/"+n+".json", describe(t,load(t,f),Options{}),0o644)
  os.WriteFile("/tmp/olga/"+n+"30.json", describe(t,load(t,f),Options{Version:"3.0"}),0o644)}
}
