import java.net.InetSocketAddress;

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

/** Serves an empty MongoDB in memory on a free port, which it prints, until its input ends. */
public class Standin {
    public static void main(String[] args) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend().version(ServerVersion.MONGO_5_0));
        server.bind(new InetSocketAddress("127.0.0.1", 0));
        System.out.println(server.getLocalAddress().getPort());
        System.out.flush();
        while (System.in.read() >= 0) {
        }
        server.shutdownNow();
        System.exit(0);
    }
}
