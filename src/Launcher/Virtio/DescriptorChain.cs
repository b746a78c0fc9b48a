namespace Lguest.Jit.Launcher.Virtio;

/// <summary>One buffer that the driver made available: pieces of RAM, first those to read, then those to write.</summary>
/// <remarks>Every piece has been checked to lie in RAM. Reused by its queue: valid until the next one is taken.</remarks>
internal sealed class DescriptorChain
{
    private readonly Piece[] _pieces = new Piece[Virtqueue.MaximumSize];
    private int _readable;
    private int _count;

    /// <param name="Address">Guest-physical.</param>
    /// <param name="Length">Bytes.</param>
    public readonly record struct Piece(uint Address, uint Length);

    /// <summary>Descriptor number of the first piece: the name by which it is given back.</summary>
    public ushort Head { get; private set; }

    /// <summary>Pieces for the device to read.</summary>
    public ReadOnlySpan<Piece> Readable => _pieces.AsSpan(0, _readable);

    /// <summary>Pieces for the device to write.</summary>
    public ReadOnlySpan<Piece> Writable => _pieces.AsSpan(_readable, _count - _readable);

    public void Start(ushort head)
    {
        Head = head;
        _readable = 0;
        _count = 0;
    }

    /// <returns>False: the chain is longer than its queue, or has a piece to read after one to write.</returns>
    public bool TryAdd(Piece piece, bool writable, int limit)
    {
        if (_count >= limit || (!writable && _readable != _count))
        {
            return false;
        }

        _pieces[_count++] = piece;
        if (!writable)
        {
            _readable = _count;
        }

        return true;
    }
}
