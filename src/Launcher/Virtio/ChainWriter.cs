using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>Writes into one chain after the other, from the start of its pieces on, and knows where it is.</summary>
/// <param name="ram">Where the pieces are.</param>
internal sealed class ChainWriter(GuestRam ram)
{
    private DescriptorChain? _chain;
    private int _piece;
    private uint _inPiece;

    /// <summary>Bytes written into the current chain.</summary>
    public uint Written { get; private set; }

    public void Start(DescriptorChain chain)
    {
        _chain = chain;
        _piece = 0;
        _inPiece = 0;
        Written = 0;
    }

    /// <summary>Where the next byte would go; only if there is room for one.</summary>
    public bool TryPlace(out uint address)
    {
        ReadOnlySpan<DescriptorChain.Piece> pieces = _chain!.Writable;
        while (_piece < pieces.Length && _inPiece == pieces[_piece].Length)
        {
            _piece++;
            _inPiece = 0;
        }

        address = _piece < pieces.Length ? pieces[_piece].Address + _inPiece : 0;
        return _piece < pieces.Length;
    }

    /// <returns>How many bytes there was room for.</returns>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length && TryPlace(out uint address))
        {
            int length = (int)Math.Min((uint)(bytes.Length - done), _chain!.Writable[_piece].Length - _inPiece);
            ram.TryWrite(address, bytes.Slice(done, length));
            done += length;
            _inPiece += (uint)length;
        }

        Written += (uint)done;
        return done;
    }
}
