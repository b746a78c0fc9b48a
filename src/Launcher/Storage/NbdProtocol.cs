namespace Lguest.Jit.Launcher.Storage;

/// <summary>Numbers of the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md), all big-endian on the wire.</summary>
internal static class NbdProtocol
{
    /// <summary>"NBDMAGIC".</summary>
    public const ulong Magic = 0x4E42444D41474943;

    /// <summary>"IHAVEOPT": the server speaks the newstyle; and begins each option.</summary>
    public const ulong OptionMagic = 0x49484156454F5054;

    public const ulong OptionReplyMagic = 0x0003E889045565A9;
    public const uint RequestMagic = 0x25609513;
    public const uint SimpleReplyMagic = 0x67446698;

    public const int RequestSize = 28;
    public const int SimpleReplySize = 16;

    /// <summary>Longest name of an export.</summary>
    public const int MaximumName = 4096;

    /// <summary>Both in the server's handshake flags and in our answer.</summary>
    [Flags]
    public enum Handshake : ushort
    {
        None = 0,
        FixedNewstyle = 1,
        NoZeroes = 2,
    }

    public enum Option : uint
    {
        ExportName = 1,
        Abort = 2,
        Go = 7,
    }

    public enum OptionReply : uint
    {
        Acknowledged = 1,
        Information = 3,
        ErrorUnsupported = 0x80000001,
        ErrorPolicy = 0x80000002,
        ErrorInvalid = 0x80000003,
        ErrorPlatform = 0x80000004,
        ErrorTlsRequired = 0x80000005,
        ErrorUnknown = 0x80000006,
        ErrorShutdown = 0x80000007,
        ErrorBlockSizeRequired = 0x80000008,
        ErrorTooBig = 0x80000009,
    }

    public enum Information : ushort
    {
        Export = 0,
        BlockSize = 3,
    }

    /// <summary>Transmission flags: what the export can do.</summary>
    [Flags]
    public enum Export : ushort
    {
        None = 0,
        HasFlags = 1,
        ReadOnly = 2,
        Flush = 4,
        Fua = 8,
        Rotational = 16,
        Trim = 32,
        WriteZeroes = 64,
    }

    public enum Command : ushort
    {
        Read = 0,
        Write = 1,
        Disconnect = 2,
        Flush = 3,
        Trim = 4,
        WriteZeroes = 6,
    }

    /// <summary>Command flags.</summary>
    [Flags]
    public enum CommandFlags : ushort
    {
        None = 0,
        Fua = 1,
        NoHole = 2,
    }
}
