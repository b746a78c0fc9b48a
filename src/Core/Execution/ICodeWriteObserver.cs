namespace Lguest.Jit.Core.Execution;

/// <summary>Hears of every write to RAM that the soft TLB does not already keep away from translated code (design §12.7).</summary>
internal interface ICodeWriteObserver
{
    /// <summary>Bytes [<paramref name="physical"/>, +<paramref name="length"/>) have changed. On the Guest thread.</summary>
    void NotifyWrite(uint physical, uint length);
}
