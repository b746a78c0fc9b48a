using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Snapshots;

/// <summary>
/// State on its way into a snapshot or out of it. One method of each component says which fields it has, in one order,
/// and serves both directions: what is saved and what is restored cannot drift apart. The same bytes are what two
/// Guests are compared by.
/// </summary>
internal sealed class StateArchive
{
    private byte[] _bytes = new byte[4096];
    private int _position;
    private int _length;

    /// <summary>False: fields are read into the archive. True: fields are set from it.</summary>
    public bool Loading { get; private set; }

    /// <summary>
    /// Saving in order to compare two Guests: fields that depend on how an engine goes about its work are left out.
    /// </summary>
    public bool Comparing { get; private set; }

    /// <summary>What was saved.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Empties the archive for a new save.</summary>
    public void BeginSave(bool comparing = false)
    {
        Loading = false;
        Comparing = comparing;
        _position = _length = 0;
    }

    /// <summary>Back to the first field, to restore.</summary>
    public void BeginLoad()
    {
        Loading = true;
        Comparing = false;
        _position = 0;
    }

    /// <summary>One field of plain data, without references or padding.</summary>
    /// <exception cref="InvalidOperationException">More is restored than was saved: a bug.</exception>
    public void Field<T>(ref T value)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        Raw(bytes);
    }

    /// <summary>Plain bytes, as many as there are.</summary>
    public void Raw(Span<byte> bytes)
    {
        if (Loading)
        {
            if (_position + bytes.Length > _length)
            {
                throw new InvalidOperationException("More state is restored than was saved.");
            }

            _bytes.AsSpan(_position, bytes.Length).CopyTo(bytes);
        }
        else
        {
            if (_position + bytes.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _position + bytes.Length));
            }

            bytes.CopyTo(_bytes.AsSpan(_position));
            _length = _position + bytes.Length;
        }

        _position += bytes.Length;
    }

    /// <summary>A field that is a property: the value to save goes in, the value to set comes out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Value<T>(T value)
        where T : unmanaged
    {
        Field(ref value);
        return value;
    }

    /// <summary>An optional text.</summary>
    public string? Text(string? value)
    {
        int length = Value(value?.Length ?? -1);
        if (length < 0)
        {
            return null;
        }

        char[] characters = Loading ? new char[length] : value!.ToCharArray();
        Raw(MemoryMarshal.AsBytes(characters.AsSpan()));
        return new string(characters);
    }
}
