using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>Somebody who wants to see each block that is decoded. Called on the Guest thread.</summary>
internal unsafe interface IBlockObserver
{
    /// <summary>The block was met, for the first time or anew, and is about to run.</summary>
    void Decoded(GuestBlock* block, ReadOnlySpan<Instruction> code);
}
