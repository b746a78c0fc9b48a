namespace Lguest.Jit.Launcher.Net;

/// <summary>What the Guest's network card is connected to: two threads that carry frames between the rings of a port and the Host.</summary>
internal abstract class NetLink : IDisposable
{
    private readonly Thread[] _threads;
    private bool _started;

    protected NetLink(NetPort port, string name)
    {
        Port = port;
        _threads =
        [
            new Thread(() => Run(Receive)) { IsBackground = true, Name = $"{name} receive" },
            new Thread(() => Run(Send)) { IsBackground = true, Name = $"{name} send" },
        ];
    }

    public NetPort Port { get; }

    /// <summary>For people.</summary>
    public abstract string Description { get; }

    /// <summary>Begins to carry frames.</summary>
    public void Start()
    {
        _started = true;
        Array.ForEach(_threads, static thread => thread.Start());
    }

    /// <summary>Ends both threads, and returns when they have.</summary>
    public void Dispose()
    {
        Port.Received.Close();
        Port.ToSend.Close();
        Hangup();
        if (_started)
        {
            Array.ForEach(_threads, static thread => thread.Join());
        }

        Free();
    }

    /// <summary>A thread's whole life: from the Host to the Guest.</summary>
    /// <returns>Why it is over.</returns>
    protected abstract string Receive();

    /// <summary>The other's.</summary>
    protected abstract string Send();

    /// <summary>Gets both out of whatever they wait for at the Host.</summary>
    protected abstract void Hangup();

    /// <summary>Both are gone.</summary>
    protected abstract void Free();

    private void Run(Func<string> work)
    {
        string reason;
        try
        {
            reason = work();
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            reason = e.Message;
        }

        // A Guest lives on without its network. Frames for nobody are dropped by the card.
        if (!Port.Received.Closed)
        {
            Port.GoDown(reason);
        }
    }
}
