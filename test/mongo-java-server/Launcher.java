import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.Collection;
import java.util.List;
import org.h2.mvstore.MVStore;

/**
 * mongo-java-server as a process of its own: Launcher PORT [FILE]. Prints its port when it listens, and ends with its standard
 * input. It does one command after the other and answers with copies, because otherwise an answer is written while the
 * next command changes the document in it. With a file, what it has acknowledged is in there, so it may be killed.
 */
public class Launcher extends H2Backend {
    /** As of MongoDB 5.0: the driver takes nothing older than 4.4, and mongo-java-server says 8 (4.2). */
    private static final MongoVersion VERSION = new MongoVersion() {
        public List<Integer> getVersionArray() { return List.of(5, 0, 0); }
        public int getWireVersion() { return 13; }
    };
    private static final Document OK = new Document("ok", 1.0);

    private final MVStore store;
    /** The fail point `failCommand`, as mongod has it for tests: which commands fail, with what, and how many more times. */
    private Document failing = new Document();
    private int times;

    private Launcher(MVStore store) {
        super(store);
        this.store = store;
    }

    @Override
    public synchronized Document handleMessage(MongoMessage message) {
        Document query = message.getDocument();
        String command = query.keySet().iterator().next();
        if (command.equals("configureFailPoint")) return configure(query);
        if (times > 0 && ((Collection<?>) failing.get("failCommands")).contains(command)) {
            times--;
            throw new MongoServerError(((Number) failing.get("errorCode")).intValue(), "FailPoint", "fails by failCommand");
        }
        Document answer = super.handleMessage(message).cloneDeeply();
        if (store.getFileStore() != null && store.hasUnsavedChanges()) store.commit();
        return answer;
    }

    private Document configure(Document query) {
        Document mode = (Document) query.get("mode");
        times = ((Number) mode.get("times")).intValue();
        failing = (Document) query.get("data");
        return OK;
    }

    public static void main(String[] args) throws Exception {
        MVStore.Builder builder = new MVStore.Builder().autoCommitDisabled();
        MVStore store = args.length > 1 ? builder.fileName(args[1]).open() : builder.open();
        Launcher backend = new Launcher(store);
        backend.version(VERSION);
        MongoServer server = new MongoServer(backend);
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println(server.getLocalAddress().getPort());
        while (System.in.read() >= 0) continue;
        server.shutdownNow();
        System.exit(0);
    }
}
