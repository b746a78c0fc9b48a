namespace Lguest.Jit.Translator.Cache;

/// <summary>
/// Sees to it that dropped methods are really freed. Their Host code goes when finalizers have run on objects that are mostly in
/// the oldest generation by then, and a process that hardly allocates would not collect that for a long time: the collector knows
/// nothing of the Host code.
/// </summary>
/// <param name="limit">Bytes that may wait for a collection.</param>
internal sealed class MethodReclaimer(long limit)
{
    private long _waiting;
    private int _collecting;

    /// <summary>Collections asked for.</summary>
    public long Collections { get; private set; }

    /// <summary>Something has been dropped whose Host code takes about this much. On the Guest thread; never waits.</summary>
    public void Dropped(long bytes)
    {
        _waiting += bytes;
        if (_waiting < limit || Interlocked.Exchange(ref _collecting, 1) != 0)
        {
            return;
        }

        _waiting = 0;
        Collections++;
        ThreadPool.UnsafeQueueUserWorkItem(
            static self =>
            {
                // In the background: the Guest thread is stopped for some hundred microseconds, not for the whole of it.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
                Volatile.Write(ref self._collecting, 0);
            },
            this,
            preferLocal: false);
    }
}
